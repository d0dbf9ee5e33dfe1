"""Many sequences at a time: their masks, masks along drafts, and grammars compiled in the background."""

from stolcke.batches.compiling import CompileExecutor
from stolcke.batches.filler import MaskFiller, PendingDrafts, PendingMasks, fill_masks
from stolcke.batches.folder import CompiledFolder

__all__ = ["CompileExecutor", "CompiledFolder", "MaskFiller", "PendingDrafts", "PendingMasks", "fill_masks"]
