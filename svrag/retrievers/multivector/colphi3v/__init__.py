"""Col-Phi-3-V (SV-RAG, arXiv 2411.01106): Phi-3-vision as a late-interaction retriever of pages."""
