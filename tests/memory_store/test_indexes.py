import numpy as np
import pytest

from memory_store.indexes import FlatIndex, IVFIndex, build_index, needs_rebuild

DIMENSION = 32


def clustered(n, seed=0, clusters=40):
    """Unit vectors (n, d) around centres, as texts about the same things are."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(clusters, DIMENSION))
    vectors = centres[rng.integers(clusters, size=n)] + 0.6 * rng.normal(size=(n, DIMENSION))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def keys_for(vectors):
    return np.arange(len(vectors), dtype=np.int64) * 3 + 7


def ids(*values):
    return np.array(values, dtype=np.int64)


@pytest.fixture(params=["flat", "ivf"])
def build(request):
    limit = {"flat": 10**9, "ivf": 0}[request.param]
    kind = {"flat": FlatIndex, "ivf": IVFIndex}[request.param]

    def build_one(vectors):
        index = build_index(keys_for(vectors), vectors, flat_limit=limit)
        assert isinstance(index, kind)
        return index

    return build_one


def test_own_vector_is_found_first(build):
    vectors = clustered(400)
    similarities, keys = build(vectors).search(vectors[:50], 3)
    assert similarities.shape == keys.shape == (50, 3)
    assert similarities.dtype == np.float32 and keys.dtype == np.int64
    assert (keys[:, 0] == keys_for(vectors)[:50]).all()
    assert similarities[:, 0] == pytest.approx(1, abs=1e-5)
    assert (np.diff(similarities, axis=1) <= 0).all()


def test_a_search_wider_than_the_index_is_filled_up(build):
    vectors = clustered(60)
    similarities, keys = build(vectors).search(vectors[:2], 100)
    assert sorted(keys[0, :60]) == sorted(keys_for(vectors))
    assert (keys[:, 60:] == -1).all()
    assert np.isneginf(similarities[:, 60:]).all()


def test_removed_keys_are_not_found(build):
    vectors = clustered(300)
    keys = keys_for(vectors)
    index = build(vectors)
    index.remove(keys[:100])
    assert len(index) == 200
    _, found = index.search(vectors, 200)
    assert not set(found.ravel().tolist()) & set(keys[:100].tolist())


def test_unknown_keys_are_passed_over(build):
    index = build(clustered(50))
    index.remove(ids(1_000_000, 8))
    index.remove(ids())
    assert len(index) == 50


def test_a_key_holds_one_vector(build):
    vectors = clustered(80)
    index = build(vectors)
    index.add(keys_for(vectors)[:1], vectors[1:2])
    assert len(index) == 80
    _, found = index.search(vectors[1:2], 80)
    assert sorted(found[0]) == sorted(keys_for(vectors))
    index.add(ids(5, 5), vectors[:2])
    assert len(index) == 81
    similarities, found = index.search(vectors[1:2], 3)
    assert 5 in found[0] and similarities[0, 2] == pytest.approx(1, abs=1e-5)


def test_added_again_after_removal(build):
    vectors = clustered(80)
    keys = keys_for(vectors)
    index = build(vectors)
    index.remove(keys)
    assert len(index) == 0
    assert (index.search(vectors[:1], 2)[1] == -1).all()
    index.add(keys[:5], vectors[:5])
    assert sorted(index.search(vectors[:1], 5)[1][0]) == sorted(keys[:5])


def test_wrong_shapes_are_refused(build):
    index = build(clustered(50))
    with pytest.raises(ValueError, match=r"do not fit"):
        index.add(ids(1), np.zeros((2, DIMENSION), dtype=np.float32))
    with pytest.raises(ValueError, match=r"must be"):
        index.search(np.zeros((1, 3), dtype=np.float32), 1)
    with pytest.raises(ValueError, match=r"at least 1"):
        index.search(np.zeros((1, DIMENSION), dtype=np.float32), 0)
    with pytest.raises(ValueError, match=r"negative"):
        index.add(ids(-1), clustered(1))


def test_no_queries(build):
    similarities, keys = build(clustered(50)).search(np.zeros((0, DIMENSION), dtype=np.float32), 4)
    assert similarities.shape == keys.shape == (0, 4)


def test_inverted_file_finds_what_the_exact_index_finds():
    vectors = clustered(4_000)
    keys = keys_for(vectors)
    flat, ivf = FlatIndex(DIMENSION), IVFIndex(keys, vectors)
    flat.add(keys, vectors)
    gone = keys[::7]
    flat.remove(gone)
    ivf.remove(gone)
    extra = clustered(400, seed=1)
    more = np.arange(400, dtype=np.int64) + 10**6
    flat.add(more, extra)
    ivf.add(more, extra)
    rng = np.random.default_rng(2)
    queries = vectors[:300] + 0.05 * rng.normal(size=(300, DIMENSION)).astype(np.float32)
    _, truth = flat.search(queries, 8)
    _, found = ivf.search(queries, 8)
    hits = sum(len(set(a) & set(b)) for a, b in zip(truth, found, strict=True))
    assert hits / truth.size >= 0.95
    assert ivf.probes < ivf.lists


def test_an_empty_memory_gets_an_exact_index():
    index = build_index(ids(), np.zeros((0, 9), dtype=np.float32), dimension=9)
    assert isinstance(index, FlatIndex) and len(index) == 0
    with pytest.raises(ValueError, match=r"no vectors"):
        IVFIndex(ids(), np.zeros((0, 9), dtype=np.float32))


def test_the_index_changes_with_the_number_of_edits_but_not_back_and_forth():
    vectors = clustered(500)
    keys = keys_for(vectors)
    index = build_index(keys[:100], vectors[:100], flat_limit=100)
    assert isinstance(index, FlatIndex) and not needs_rebuild(index, flat_limit=100)
    index.add(keys[100:101], vectors[100:101])
    assert needs_rebuild(index, flat_limit=100)
    index = build_index(keys[:101], vectors[:101], flat_limit=100)
    assert isinstance(index, IVFIndex) and not needs_rebuild(index, flat_limit=100)
    index.remove(keys[50:101])
    assert not needs_rebuild(index, flat_limit=100)
    index.remove(keys[49:50])
    assert needs_rebuild(index, flat_limit=100)
    index.add(keys[:404], vectors[:404])
    assert not needs_rebuild(index, flat_limit=100)
    index.add(keys[404:405], vectors[404:405])
    assert needs_rebuild(index, flat_limit=100)
