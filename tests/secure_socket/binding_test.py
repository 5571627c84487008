"""The Python module over a stand-in for the library (SALLYPORT_LIBRARY): it hands on what it is given and raises what comes back."""
import ctypes
import errno
import os
import socket
import sys
import unittest
import uuid

import sallyport


class Binding(unittest.TestCase):
    def test_state_and_identity(self):
        with socket.socket() as s:
            sallyport.secure(s, encrypt=False, quick_mode_policy=uuid.UUID(int=77))
            sallyport.expect(s, "server.example")
            state = sallyport.query(s)
            self.assertTrue(state.secured)
            self.assertFalse(state.encrypted)
            self.assertEqual(state.negotiation_error, 77)  # the stand-in's way to show the policy's last octet
            self.assertEqual(state.main_mode_sa, 2**64 - 1)
            self.assertEqual(state.identity.names, ("server.example", "other.example"))
            self.assertEqual((state.identity.principal, state.identity.method, state.identity.quick_mode_sa),
                             ("server.example", "certificate", 2))
            sallyport.secure(s.fileno())
            self.assertTrue(sallyport.query(s.fileno()).encrypted)

    def test_errors(self):
        with socket.socket() as s:
            with self.assertRaises(OSError) as caught:
                sallyport.secure(s, encrypt=True, allow_insecure=True)
            self.assertEqual(caught.exception.errno, errno.EINVAL)
            with self.assertRaises(OSError) as caught:
                sallyport.expect(s, "x" * 1025)
            self.assertEqual(caught.exception.errno, errno.ENAMETOOLONG)
            for peer in (("not an address", 7), ("192.0.2.300", 7)):
                with self.assertRaises(OSError):
                    sallyport.expect(s, "a", peer)

    def test_peers(self):
        for host in ("192.0.2.1", "2001:db8::1"):
            with socket.socket(type=socket.SOCK_DGRAM) as s:
                sallyport.secure(s)
                sallyport.expect(s, "server.example", (host, 7))
                with self.assertRaises(OSError):
                    sallyport.forget(s, (host, 8))
                sallyport.forget(s, (host, 7))

    def test_impersonation(self):
        count = ctypes.CDLL(os.environ["SALLYPORT_LIBRARY"]).stand_in_impersonations
        with socket.socket() as s:
            with self.assertRaises(PermissionError):
                with sallyport.impersonate(1023):
                    self.fail("nobody is there")
            sallyport.secure(s)
            with self.assertRaises(ValueError):
                with sallyport.impersonate(s):
                    self.assertEqual(count(), 1)
                    raise ValueError
            self.assertEqual(count(), 0)


    def test_files(self):
        with socket.socket() as s:
            with self.assertRaises(PermissionError):
                sallyport.open_as_peer(s, __file__)
            sallyport.secure(s)
            with open(__file__, opener=lambda path, flags: sallyport.open_as_peer(s, path, flags)) as file:
                self.assertTrue(file.readline().startswith('"""The Python module'))
            with self.assertRaises(FileNotFoundError) as caught:
                sallyport.open_as_peer(s, "/no/such/file")
            self.assertEqual(caught.exception.filename, "/no/such/file")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
