"""The web app: add documents, ask, see the answer and the evidence boxed on its page. Gradio is imported in `web` only."""
