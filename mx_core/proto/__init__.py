"""Generated gRPC code and the .proto files it comes from."""
