"""The dialect of Lark's language that llguidance reads."""
