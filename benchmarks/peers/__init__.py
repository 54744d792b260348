"""The other editors, behind one seam, to be measured side by side with the overlay."""
