"""A cohort on one page: distributions, outliers with pictures, failures by kind."""
