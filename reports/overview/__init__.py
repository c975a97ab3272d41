"""The overview of a month (tổng quan): what is counted, the pictures of it, and the lists behind each number."""
