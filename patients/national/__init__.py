"""The national prescription system (hệ thống đơn thuốc quốc gia): what is sent, and the port to whoever takes it."""
