"""`ferflow audit`: what a data set holds that it should not, as figures and as a page."""
