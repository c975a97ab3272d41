"""What is wrong with the data that reports and registers are made by. Pure."""


class DefinitionError(ValueError):
    """The data of a form or register contradict themselves; a defect of the data, found when they are read."""
