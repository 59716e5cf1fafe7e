"""What is listened on: three gRPC listeners and a site; who may come in, and how errors are said."""
