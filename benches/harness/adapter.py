"""What a peer can run. Imported by every measured process, so it imports nothing itself."""


class Run:
    """One way in which a peer does a job.

    Parameters
    ----------
    job : name of the job.
    variant : what is particular about this way, or an empty string.
    fraction : share of the rows it is given when the whole would take too long; its times are
        scaled to the whole, and the table says so.
    apart_from : cases of the job that cannot be done in this way; they have no line.
    """

    def __init__(self, function, job, variant, fraction, apart_from=()):
        self.function = function
        self.job = job
        self.variant = variant
        self.fraction = fraction
        self.apart_from = apart_from


class Adapter:
    """One peer: its name, the packages whose versions matter, and its ways of doing jobs."""

    def __init__(self, name, packages=()):
        self.name = name
        self.packages = tuple(packages)
        self.all_runs = []
        self.open = lambda _cores, _scratch: None
        self.close = lambda _session: None
        self.to_arrow = lambda result: result

    def opens(self, function):
        """Register ``function(cores, scratch) -> session``; its time counts as cold time."""
        self.open = function
        return function

    def closes(self, function):
        """Register ``function(session)``."""
        self.close = function
        return function

    def shows(self, function):
        """Register ``function(result) -> pyarrow.Table``; not timed, used to compare answers."""
        self.to_arrow = function
        return function

    def runs(self, job, variant="", fraction=1.0, apart_from=()):
        """Register ``function(session, inputs, case) -> result`` as a way of doing ``job``."""

        def register(function):
            self.all_runs.append(Run(function, job, variant, fraction, apart_from))
            return function

        return register

    def find(self, job, variant):
        """Give the run of that job and variant."""
        for run in self.all_runs:
            if (run.job, run.variant) == (job, variant):
                return run
        raise LookupError(f"{self.name} has no variant `{variant}` of job `{job}`")

    def label(self, run):
        """Give the name of a row in the table of results."""
        return f"{self.name}, {run.variant}" if run.variant else self.name
