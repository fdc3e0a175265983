"""The filters that come with Moviola, one file each; `moviola.filters.registry` finds them by their names."""
