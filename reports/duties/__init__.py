"""What a facility must report and by when: duties as data, due dates, states, and who is responsible."""
