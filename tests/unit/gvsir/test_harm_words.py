"""The display guard folds what may hurt, and leaves the rest open."""

from __future__ import annotations

import pytest

from gvsir.harm import harm_of


@pytest.mark.parametrize(
    ("text", "harm"),
    [
        ("Chatbot reportedly encouraged a user to take his own life", "self_harm"),
        ("A forum bot discussed self-harm with a teenager", "self_harm"),
        ("Students made nude deepfakes of classmates", "minors"),
        ("CSAM found in a training set", "minors"),
        ("Two 16-year-old students made pornographic deepfakes", "minors"),
        ("A chatbot said that a professor had sexually harassed a student", "sexual"),
        ("Non-consensual deepfake pornography of an actress", "sexual"),
        ("Video shows a beheading staged with AI", "violence"),
        ("Filter flags posts about sexual orientation", ""),
        ("Hiring tool shows sex discrimination", ""),
        ("Chatbot invents a court case", ""),
    ],
)
def test_text_is_folded_by_its_words(text, harm):
    assert harm_of("A title", text) == harm
