from stolcke._core.partition import PartitionStore

class FlatTrie:
    def __init__(self, store: PartitionStore) -> None: ...
