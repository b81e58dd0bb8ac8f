"""Addresses of the internal API about audiences and segments, below /api/internal/v1/."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
