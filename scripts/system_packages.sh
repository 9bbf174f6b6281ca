#!/usr/bin/env bash
# Installs the Debian packages named (tesseract-ocr, chromium) where they are missing and may be installed;
# elsewhere says in one line what to do. Never fails: svrag works without them, only poorer.
set -u
missing=()
for package in "$@"; do
    case "$package" in
        tesseract-ocr) program=tesseract ;;
        *) program=$package ;;
    esac
    command -v "$program" >/dev/null 2>&1 || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
    root=()
    [ "$(id -u)" = 0 ] || root=(sudo)
    echo "installing ${missing[*]}"
    "${root[@]}" apt-get update -qq >/dev/null 2>&1
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        "${missing[@]}" >/dev/null 2>&1 && exit 0
fi
echo "please install ${missing[*]}: without tesseract-ocr scanned pages have no text, without chromium browser tests are skipped"
