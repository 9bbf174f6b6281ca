"""Codes on a GPU: where there is one with room, a file is copied there when it is first searched.

The copy stays as long as the process keeps the file mapped, which is until the index changes. Nothing here scans.
"""

from __future__ import annotations

import sys
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

_SHARE = 0.5  # of the memory that is free: a model and its pages need the rest
_DEVICE = "cuda"

_copies: dict[int, torch.Tensor] = {}
_lock = threading.Lock()


def on_gpu(rows: NDArray[np.uint8]) -> torch.Tensor | None:
    """`rows` as int8 on the GPU; None where there is none, or no room.

    Only where torch is imported already, as it is by any model on this machine: it takes seconds.
    """
    if "torch" not in sys.modules:
        return None
    import numpy as np
    import torch

    if not torch.cuda.is_available():
        return None
    with _lock:
        if id(rows) not in _copies:
            free, _ = torch.cuda.mem_get_info()
            if rows.nbytes > _SHARE * free:
                return None
            _copies[id(rows)] = torch.from_numpy(np.array(rows.view(np.int8))).to(_DEVICE)
            weakref.finalize(rows, _copies.pop, id(rows), None)
        return _copies[id(rows)]
