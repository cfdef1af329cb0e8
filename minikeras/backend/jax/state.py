"""What a program updates, as one list of arrays: it goes into a call and comes out of it without a look at any."""

import weakref


class State:
    """The values of the variables that a program updates. As the `run` of each it is where its value is kept.

    owner: the program's Linked. whole: whether all variables still have their values here.
    """

    def __init__(self, variables, owner):
        self.variables, self.owner, self.whole = variables, weakref.ref(owner), True
        self.arrays = [v.native() for v in variables]
        self.places = {v: i for i, v in enumerate(variables)}
        for variable in variables:
            if variable.run is not None:
                variable.run.whole = False
            variable._held, variable.run = None, self

    def part(self, variable):
        """The array of a variable."""
        return self.arrays[self.places[variable]]

    def put(self, variable, value):
        """Stores another array for a variable."""
        self.arrays[self.places[variable]] = value

    def needed(self):
        """Whether a program may still run that counts on all values being here."""
        return self.whole and self.owner() is not None and all(v.run is self for v in self.variables)


def state_of(variables, owner):
    """The State of these variables, None where a program that updates at least as many others has some of them."""
    for variable in variables:
        variable.native()
    others = {v.run for v in variables} - {None}
    for other in others:
        if other.needed():
            if other.variables == variables:
                return other
            if len(other.variables) >= len(variables):
                return None
    return State(variables, owner) if variables else None
