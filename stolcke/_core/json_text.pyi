from stolcke._core.byte_dfa import ByteDfa
from stolcke._core.languages import CharacterDfa

__all__ = ["json_string"]

def json_string(language: CharacterDfa, all_escapes: bool, ascii_only: bool, limit: int) -> ByteDfa: ...
