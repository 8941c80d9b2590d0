"""The model: a cache and a batch change nothing, and nothing but actions is decoded."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from tiny_vla import INSTRUCTIONS, TINY, parts_of, pictures_of  # noqa: E402

from harness.vla.blocks import KeyValueCache  # noqa: E402
from harness.vla.model import VLA  # noqa: E402

pytestmark = pytest.mark.torch

CHUNKED = replace(TINY, chunk_steps=3)


def model_of(config, seed):
    torch.manual_seed(seed)
    model = VLA(config, parts_of(config).actions.token_ids)
    with torch.no_grad():
        for parameter in model.parameters():  # larger than at first, so that answers differ from each other
            parameter.mul_(2)
    return model.eval()


def asked(config, seed=0):
    texts = [parts_of(config).text_ids(instruction) for instruction in INSTRUCTIONS]
    return torch.from_numpy(pictures_of(config, len(texts), seed)), texts


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("config", [TINY, CHUNKED], ids=["one action", "chunk"])
def test_with_and_without_a_cache_the_tokens_are_the_same(config, seed):
    model, (pictures, texts) = model_of(config, seed), asked(config, seed)
    with_cache = model.predict_action(pictures, texts)
    without = model.predict_action(pictures, texts, cache=False)
    assert with_cache.token_ids.shape == (3, config.action_tokens)
    assert torch.equal(with_cache.token_ids, without.token_ids)
    assert torch.allclose(with_cache.logits, without.logits, rtol=0, atol=1e-5 * without.logits.abs().max().item())


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_in_a_batch_every_observation_gets_what_it_gets_alone(seed, cache):
    model, (pictures, texts) = model_of(TINY, seed), asked(TINY, seed)
    together = model.predict_action(pictures, texts, cache=cache)
    for row, text in enumerate(texts):
        alone = model.predict_action(pictures[row : row + 1], [text], cache=cache)
        assert torch.equal(alone.token_ids[0], together.token_ids[row])
        assert torch.allclose(alone.logits[0], together.logits[row], rtol=0, atol=1e-5 * alone.logits.abs().max().item())


def test_answers_depend_on_the_picture_and_on_the_instruction():
    model, (pictures, texts) = model_of(TINY, 0), asked(TINY)
    base = model.predict_action(pictures[:1], texts[:1]).logits
    assert not torch.equal(model.predict_action(pictures[1:2], texts[:1]).logits, base)
    assert not torch.equal(model.predict_action(pictures[:1], texts[1:2]).logits, base)


def test_order_of_words_matters():
    model, (pictures, texts) = model_of(TINY, 0), asked(TINY)
    base = model.predict_action(pictures[:1], texts[:1]).logits
    assert not torch.allclose(model.predict_action(pictures[:1], [texts[0][::-1]]).logits, base, atol=1e-4)


def test_nothing_but_action_tokens_is_decoded_even_when_another_token_is_likelier():
    model, (pictures, texts) = model_of(TINY, 0), asked(TINY)
    actions = set(model.action_ids.tolist())
    word = next(token for token in range(300, TINY.vocab_size) if token not in actions)
    first_answer = model.predict_action(pictures, texts).token_ids
    with torch.no_grad():
        # A word that looks as the first answer's first token does, only more so.
        model.language.embedding.weight[word] = 100 * model.language.embedding.weight[first_answer[0, 0]]
        likeliest = model(pictures, texts, first_answer)[0, 0].argmax().item()
    assert likeliest == word
    assert set(model.predict_action(pictures, texts).token_ids.ravel().tolist()) <= actions


def test_given_its_own_answer_the_model_would_answer_the_same():
    model, (pictures, texts) = model_of(CHUNKED, 1), asked(CHUNKED)
    answer = model.predict_action(pictures, texts)
    with torch.inference_mode():
        forced = model(pictures, texts, answer.token_ids)[:, :-1][..., model.action_ids]
    assert torch.allclose(forced, answer.logits, rtol=0, atol=1e-5 * answer.logits.abs().max().item())


def test_a_token_sees_none_that_come_after_it():
    model, (pictures, texts) = model_of(TINY, 0), asked(TINY)
    first = model.action_ids[:7].repeat(3, 1)
    second = first.clone()
    second[:, 4] = model.action_ids[200]
    with torch.inference_mode():
        one, other = model(pictures, texts, first), model(pictures, texts, second)
    assert torch.allclose(one[:, :5], other[:, :5], rtol=0, atol=1e-6)
    assert not torch.allclose(one[:, 5:], other[:, 5:], rtol=0, atol=1e-3)


def test_logits_are_of_the_action_tokens_and_the_end():
    model, (pictures, texts) = model_of(TINY, 0), asked(TINY)
    assert model(pictures, texts, model.action_ids[:7].repeat(3, 1)).shape == (3, 8, TINY.vocab_size)


def test_a_cache_gives_back_all_that_was_put_in():
    cache = KeyValueCache(capacity=5)
    keys, values = torch.randn(2, 3, 5, 4), torch.randn(2, 3, 5, 4)
    cache.extended(keys[:, :, :3], values[:, :, :3])
    all_keys, all_values = cache.extended(keys[:, :, 3:], values[:, :, 3:])
    assert torch.equal(all_keys, keys)
    assert torch.equal(all_values, values)


def test_the_weights_do_not_hold_the_action_tokens_which_have_a_file_of_their_own():
    assert "action_ids" not in model_of(TINY, 0).state_dict()
