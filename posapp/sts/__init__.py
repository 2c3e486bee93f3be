"""STS tokens (IEC 62055-41), pure: no clock, no disk beyond what is handed in, no text for people.

Read `tokens` first: it follows one token from amount to digits. The standard's abbreviations:

STS  Standard Transfer Specification     DRN  decoder reference number, on the meter's label
PAN  primary account number, 18 digits   IIN  issuer identification number, the PAN's front
SGC  supply group code                   KRN  key revision number
TI   tariff index                        KT   key type
KEN  key expiry number                   TID  token identifier, minutes since the base date
EA   encryption algorithm                DKGA decoder key generation algorithm
TCT  token carrier type                  RND  four random bits of a token

Clause numbers are those of edition 3 (2018). Where a rule rests on one source only, the code
says "one source".
"""
