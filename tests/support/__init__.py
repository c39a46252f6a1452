"""Stand-ins that the tests run against: an origin that lies, a hub in memory, a clock under control."""
