"""Speed and accuracy, side by side with what people would use instead."""
