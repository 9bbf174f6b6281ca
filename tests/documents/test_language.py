from __future__ import annotations

import pytest

from svrag.documents.language import language_of


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The kiln was fired for nine hours and the bowls were weighed with care by the potter.", "en"),
        ("Der Ofen wurde neun Stunden geheizt und die Schalen wurden von dem Töpfer mit der Hand gewogen.", "de"),
        ("Le four est chauffé et les bols sont pesés par le potier dans la grande salle pour la vente.", "fr"),
        ("窑炉烧制九小时后上釉，每只碗称重两次。", "zh"),
        ("窯は九時間たかれ、そのあとでうわぐすりがかけられた。", "ja"),
        ("Печь топили девять часов, и каждую чашу взвесили дважды.", "ru"),
        ("42 318 1240", ""),
        ("", ""),
    ],
)
def test_language(text: str, code: str) -> None:
    assert language_of(text) == code
