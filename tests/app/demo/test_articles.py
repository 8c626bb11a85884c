"""The demo's articles and questions are what the house promises of them."""

import re

import pytest

from app.demo.articles import read_articles
from app.knowledge.paragraphs import read_blocks
from app.knowledge.service import ArticleText
from tests.app.knowledge.demo_index import questions

ARTICLES = read_articles()


@pytest.mark.parametrize("article", ARTICLES, ids=lambda article: article.slug)
def test_an_article_has_paragraphs_of_quotable_sentences(article: ArticleText) -> None:
    paragraphs = [block for block in read_blocks(article.body_md) if block.ordinal is not None]
    sentences = [sentence for block in paragraphs for sentence in block.sentences]

    assert article.title and article.collection
    assert 90 <= len(article.body_md.split()) <= 300
    assert len(paragraphs) >= 3
    assert all(len(sentence) <= 200 and sentence[-1] in ".!?" for sentence in sentences)


def test_there_are_enough_articles_on_enough_topics() -> None:
    assert len(ARTICLES) >= 40
    assert {"orders", "returns", "delivery", "account", "payment", "warranty", "privacy"} <= {
        article.collection for article in ARTICLES
    }


def test_links_lead_to_the_invented_shop_only() -> None:
    links = [link for a in ARTICLES for link in re.findall(r"https?://[^\s)]+", a.body_md)]

    assert links
    assert all(link.startswith("https://fernhill.example/") for link in links)


def test_every_question_with_an_answer_has_its_fact_in_an_article() -> None:
    bodies = {article.slug: article.body_md.lower() for article in ARTICLES}
    for one in questions():
        if one.is_answerable:
            for fact in one.facts:
                assert any(fact.lower() in bodies[slug] for slug in one.articles), one
    assert len({one.question for one in questions()}) == len(questions()) >= 100
