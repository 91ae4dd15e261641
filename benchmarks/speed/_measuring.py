"""What the measurements of speed share: turns, and bars."""

from time import process_time


def take_turns(ways, repeats):
    """Do the same work in several ways, one after the other, several times.

    Parameters
    ----------
    ways : dict of str to callable
        Each is called without arguments.
    repeats : int
        Rounds; each calls all ways.

    Returns
    -------
    seconds : dict of str to list of float
        CPU time of this process for each call.
    results : dict of str to object
        What each way returned last.
    """
    seconds, results = {name: [] for name in ways}, {}
    for _ in range(repeats):
        for name, work in ways.items():
            start = process_time()
            results[name] = work()
            seconds[name].append(process_time() - start)
    return seconds, results


def judge(value, sense, bar):
    """Return what was measured for a bar, the bar, and whether it is met."""
    met = value >= bar if sense == "at least" else value <= bar
    return {"value": value, "bar": f"{sense} {bar}", "met": met}
