"""What a program updates, as one list of arrays: it goes into a call and comes out of it without a look at any."""

import weakref


class State:
    """The values of the variables that some programs update. As the `run` of each it is where its value is kept.

    whole: whether all variables still have their values here. When the last of the programs is gone, they take them
    back: no variable keeps the others' memory.
    """

    def __init__(self, variables):
        self.variables, self.whole, self.users = variables, True, set()
        self.arrays = [v._native for v in variables]
        self.places = {v: i for i, v in enumerate(variables)}
        for variable in variables:
            if variable.run is not None:
                variable.run.whole = False
            variable.run, variable._held = self, None  # in this order: another thread may look between the two

    def part(self, variable):
        """The array of a variable."""
        return self.arrays[self.places[variable]]

    def put(self, variable, value):
        """Stores another array for a variable."""
        self.arrays[self.places[variable]] = value

    def serve(self, linked):
        """Counts a program as a user, for as long as it lives."""
        self.users.add(weakref.ref(linked, self._gone))
        return self

    def _gone(self, user):
        self.users.discard(user)
        if not self.users:
            self.whole = False
            for variable, array in zip(self.variables, self.arrays, strict=True):
                if variable.run is self:
                    variable._held, variable.run = array, None

    def needed(self):
        """Whether there is a program that counts on all values being here."""
        return self.whole and bool(self.users) and all(v.run is self for v in self.variables)


def state_of(variables, linked):
    """The State of the variables that a program updates, all of which have their values on JAX.

    None where there are none, or where a program that updates at least as many others has some of them.
    """
    for other in {v.run for v in variables} - {None}:
        if other.needed():
            if other.variables == variables:
                return other.serve(linked)
            if len(other.variables) >= len(variables):
                return None
    return State(variables).serve(linked) if variables else None
