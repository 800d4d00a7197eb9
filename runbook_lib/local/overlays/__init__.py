"""What makes moto behave like AWS where it does not: one small file per area, each rule with its AWS source."""
