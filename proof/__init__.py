"""The promises as a public suite: named scenarios, run against Weighbridge and the tools that people use today."""
