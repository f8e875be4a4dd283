"""The verdict on a run: every instrument asked, and what their readings mean in plain sentences."""

from .asking import ask, examine, room_of, set_of
from .sentences import Sentence, sentences

__all__ = ["Sentence", "ask", "examine", "room_of", "sentences", "set_of"]
