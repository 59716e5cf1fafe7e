"""What mail programs on this computer connect to: sockets, certificates, and who may speak in clear."""
