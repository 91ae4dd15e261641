"""The guard that the other tests rely on: sockets reach this machine and no other."""

import socket

import pytest

ELSEWHERE = ("192.0.2.1", 9)  # an address set aside for documentation


def test_another_machine_is_out_of_reach():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        with pytest.raises(RuntimeError, match="192.0.2.1.*expected no network"):
            connection.connect(ELSEWHERE)
        with pytest.raises(RuntimeError, match="192.0.2.1.*expected no network"):
            connection.sendto(b"", ELSEWHERE)
    with pytest.raises(RuntimeError, match="example.invalid.*expected no network"):
        socket.getaddrinfo("example.invalid", 443)


def test_this_machine_is_in_reach():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
