from __future__ import annotations

import pytest

from svrag.generation.unsaid import leaves_unsaid


@pytest.mark.parametrize(
    "question",
    [
        "What about 2014?",
        "And in the South?",
        "How many of them broke?",
        "Why?",
        "Who made it?",
        "Und wie viele davon 2014?",
        "Which of these is the largest kiln of the region?",
        "2014?",
        "In Norway in 2014?",
        "How many in Rome?",
        "What is the highest value?",
        "Tell me more",
        "What does the report say about it?",
        "Wie viele in Rom?",
        "Wann wurde sie gebaut?",
        "Combien en 2014 ?",
        "Et pour les femmes ?",
        "¿Por qué?",
        "¿Y en 2014?",
        "E nel 2014?",
        "为什么？",
        "2014年呢？",
    ],
)
def test_what_rests_on_the_question_before(question: str) -> None:
    assert leaves_unsaid(question)


@pytest.mark.parametrize(
    "question",
    [
        "list all documents",
        "List all tables",
        "What is revenue?",
        "Define entropy",
        "How many bowls broke in the South kiln?",
        "What is the title of this paper?",
        "What does Table 3 show?",
        "What is the mean weight of the bowls?",
        "Who is Anna Rossi?",
        "How many figures are there in the report on kilns?",
        "What did Netflix say about its revenue in 2014?",
        "When was the kiln of Longquan built and who built it?",
        "How long does it take to fire a kiln?",
        "How does revenue compare to the previous year?",
        "Liste alle Dokumente auf",
        "Können Sie die Dokumente auflisten?",
        "Was ist Entropie?",
        "Liste tous les documents",
        "Quelle est la méthode utilisée ?",
        "Enumera todos los documentos",
        "Quali sono i risultati principali?",
        "列出所有文件",
        "这篇论文的主要贡献是什么？",
        "",
    ],
)
def test_what_stands_alone(question: str) -> None:
    assert not leaves_unsaid(question)
