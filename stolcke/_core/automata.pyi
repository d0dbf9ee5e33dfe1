from stolcke._core.storage import Arena

class AutomatonStore:
    def __init__(self, arena: Arena) -> None: ...
