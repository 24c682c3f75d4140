"""Where suggestions are shown: what the city puts beside the ranking (`engine.steering`) is set for each by itself."""

from enum import StrEnum


class Scenario(StrEnum):
    """A place of the city's services that shows suggestions."""

    APP_HOME = "app_home"
    THIS_WEEKEND = "this_weekend"
    NEAR_ME = "near_me"
    COURSE_SEARCH = "course_search"
    EMAIL = "email"
    SCREEN = "screen"
