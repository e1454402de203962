"""Arrays of other libraries in the place of numpy's: they answer to numpy's functions.

numpy hands its functions' calls to arrays that ask for it (NEP 13 for ufuncs, NEP 18 and 35 for
others). What is written in numpy's terms then runs where an array is, in its library: losses and
rows need no second version. What a function cannot do there is an error, nothing comes to this
process unasked; ``np.asarray`` asks for it.
"""

from nno_sklearn._foreign import functions as functions  # they are noted where it is imported
from nno_sklearn._foreign.array import ForeignArray as ForeignArray
from nno_sklearn._foreign.array import block_bytes as block_bytes
