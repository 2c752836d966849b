"""Files that items show and models make: checked by their content, kept by their SHA-256. No Django here."""
