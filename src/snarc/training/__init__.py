"""Training: recipes, the engine, and the runs it leaves."""

from .fitting import fit, resume
from .folder import open
from .history import History
from .recipe import Recipe
from .run import Evaluation, Run

__all__ = ["Evaluation", "History", "Recipe", "Run", "fit", "open", "resume"]
