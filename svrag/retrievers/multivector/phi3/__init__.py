"""What Col-InternVL2 and Col-Phi-3-V share: a Phi-3 decoder, the layout their weights were published in, prompts."""
