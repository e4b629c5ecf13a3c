"""The oracle: who owns which page, who must see which value, and what each operation may do."""
