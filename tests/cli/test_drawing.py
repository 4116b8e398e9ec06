"""Pictures as text, by hand."""

import io
import sys

import numpy as np
import pytest

from mlpcli.cli.drawing import drawing, side_by_side


@pytest.fixture
def utf8(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "utf-8"))


def test_each_pixel_is_two_characters(utf8):
    assert drawing(np.array([[0.0, 1.0], [0.5, 0.25]])) == ["  ██", "▒▒░░"]


def test_an_encoding_without_blocks_gets_plain_characters(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert drawing(np.array([[0.0, 1.0], [0.5, 0.25]])) == ["  @@", "++.."]


def test_a_large_picture_is_scaled_to_means(utf8):
    picture = np.zeros((4, 6))
    picture[:2, :2] = 1.0  # one block of four, all light
    picture[2, 4] = picture[3, 5] = 1.0  # half of a block
    assert drawing(picture, widest=3) == ["██    ", "    ▒▒"]


def test_what_is_beyond_the_range_is_cut_off(utf8):
    assert drawing(np.array([[-3.0, 7.0]])) == ["  ██"]


def test_beside_one_another():
    assert side_by_side([["ab", "cd"], ["e"]], gap=1) == ["ab e", "cd"]
