"""Col-InternVL2 (SV-RAG, arXiv 2411.01106): InternVL2-4B as a late-interaction retriever of pages."""
