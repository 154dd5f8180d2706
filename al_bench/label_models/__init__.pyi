from .belief import OutOfFoldBelief as OutOfFoldBelief
