# The app and its interface without models on the image: answers by `quote`, or by a model server (see compose.yaml).
#   docker build -t svrag .
#   docker build -t svrag --build-arg EXTRAS=server,mcp,models .     with dense and page-image retrievers (large)
FROM python:3.11-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends tesseract-ocr \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 svrag \
    && install --directory --owner svrag /library

WORKDIR /src
COPY pyproject.toml constraints.txt setup.py README.md LICENSE ./
COPY configs configs
COPY svrag svrag
ARG EXTRAS=server,mcp
RUN pip install --no-cache-dir --constraint constraints.txt ".[${EXTRAS}]" && rm -rf /src/*

USER svrag
WORKDIR /home/svrag
ENV SVRAG_LIBRARY=/library SVRAG_HOST=0.0.0.0 SVRAG_PORT=7860
VOLUME /library
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/api/health', timeout=4)"]
ENTRYPOINT ["svrag"]
CMD ["serve"]
