"""Whether arrays are the same to the last bit."""


def same(found, wanted):
    """Names, types, shapes and bytes; the messages say what differs, since pytest does not rewrite this module."""
    assert found.keys() == wanted.keys(), found.keys() ^ wanted.keys()
    for name, array in wanted.items():
        assert found[name].dtype == array.dtype, (name, found[name].dtype, array.dtype)
        assert found[name].shape == array.shape, (name, found[name].shape, array.shape)
        assert found[name].tobytes() == array.tobytes(), name
