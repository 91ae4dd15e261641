"""The only boundary where user input comes in."""

from sktl.exceptions import InputError


def resolve_device(device):
    """Return "cpu" or a CUDA device for the parameter `device`; "auto" takes CUDA where there is one."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except (RuntimeError, TypeError) as error:
        raise InputError(f"Got device={device!r}, expected 'auto', 'cpu' or 'cuda'.") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError(f"Got device={device!r}, but this machine has no CUDA device.")
    return device
