-- From version 2 to 3: what was known of a suggestion's chance to be kept.
ALTER TABLE suggestions ADD COLUMN features TEXT;
