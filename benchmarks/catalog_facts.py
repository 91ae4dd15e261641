"""What is known about the public tables: property, unit, database, DOI, licence.

Read by ``make_catalog.py``. A fact here comes from the publisher's own pages or papers.
"""

REPAIRS = {"3-Feb": "FeB3", "2-Feb": "FeB2"}

_OQMD = {
    "database": "OQMD",
    "doi": ["10.1007/s11837-013-0755-4", "10.1038/npjcompumats.2015.10"],
    "licence": "CC-BY-4.0",
}
_MP = {"database": "Materials Project", "doi": ["10.1063/1.4812323"], "licence": "CC-BY-4.0"}
_CRITEXAM = _MP | {"doi": ["10.1063/1.4812323", "10.1038/s41524-020-00362-y"]}
_MATBENCH = _MP | {"doi": ["10.1063/1.4812323", "10.1038/s41524-020-00406-3"]}
_AFLOW = {
    "database": "AFLOW",
    "doi": ["10.1016/j.commatsci.2012.02.005"],
    "licence": "AFLOW",
}


def _table(where, facts, quantity, unit):
    return where, {"property": quantity, "unit": unit} | facts


_FOLDER = "data/benchmark_data"

PRETRAINING = {
    "folder": "CrabNet",
    "url": "https://raw.githubusercontent.com/anthony-wang/CrabNet/"
    "457b4d4835737ecbe4dd33e53174bd818bd82143",
    "collection_doi": "10.1038/s41524-021-00545-1",
    "collection_licence": "MIT",
    "tables": {
        "oqmd_band_gap": _table(f"{_FOLDER}/OQMD_Bandgap", _OQMD, "band_gap", "eV"),
        "oqmd_formation_enthalpy": _table(
            f"{_FOLDER}/OQMD_Formation_Enthalpy", _OQMD, "formation_enthalpy_per_atom", "eV/atom"
        ),
        "oqmd_energy_per_atom": _table(
            f"{_FOLDER}/OQMD_Energy_per_atom", _OQMD, "energy_per_atom", "eV/atom"
        ),
        "oqmd_volume_per_atom": _table(
            f"{_FOLDER}/OQMD_Volume_per_atom", _OQMD, "volume_per_atom", "A^3/atom"
        ),
        "mp_formation_energy": _table(
            "data/matbench/mp_e_form.csv", _MATBENCH, "formation_energy_per_atom", "eV/atom"
        ),
        "mp_band_gap": _table("data/matbench/mp_gap.csv", _MATBENCH, "band_gap", "eV"),
        "mp_e_hull": _table(f"{_FOLDER}/mp_e_hull", _MP, "energy_above_hull", "eV/atom"),
        "mp_mu_b": _table(f"{_FOLDER}/mp_mu_b", _MP, "total_magnetization", "mu_B"),
        "mp_bulk_modulus": _table(f"{_FOLDER}/mp_bulk_modulus", _MP, "bulk_modulus", "GPa"),
        "mp_shear_modulus": _table(f"{_FOLDER}/mp_shear_modulus", _MP, "shear_modulus", "GPa"),
        "mp_elastic_anisotropy": _table(
            f"{_FOLDER}/mp_elastic_anisotropy", _MP, "elastic_anisotropy", "1"
        ),
        "mp_critexam_ed": _table(
            f"{_FOLDER}/CritExam__Ed", _CRITEXAM, "decomposition_energy_per_atom", "eV/atom"
        ),
        "mp_critexam_ef": _table(
            f"{_FOLDER}/CritExam__Ef", _CRITEXAM, "formation_energy_per_atom", "eV/atom"
        ),
        "aflow_band_gap": _table(f"{_FOLDER}/aflow__Egap", _AFLOW, "band_gap", "eV"),
        "aflow_energy_per_atom": _table(
            f"{_FOLDER}/aflow__energy_atom", _AFLOW, "energy_per_atom", "eV/atom"
        ),
        "aflow_bulk_modulus": _table(
            f"{_FOLDER}/aflow__ael_bulk_modulus_vrh", _AFLOW, "bulk_modulus", "GPa"
        ),
        "aflow_shear_modulus": _table(
            f"{_FOLDER}/aflow__ael_shear_modulus_vrh", _AFLOW, "shear_modulus", "GPa"
        ),
        "aflow_debye_temperature": _table(
            f"{_FOLDER}/aflow__ael_debye_temperature", _AFLOW, "debye_temperature", "K"
        ),
        "aflow_thermal_conductivity": _table(
            f"{_FOLDER}/aflow__agl_thermal_conductivity_300K",
            _AFLOW,
            "thermal_conductivity_300K",
            "W/(m K)",
        ),
        "aflow_thermal_expansion": _table(
            f"{_FOLDER}/aflow__agl_thermal_expansion_300K",
            _AFLOW,
            "thermal_expansion_300K",
            "1/K",
        ),
    },
}

CROSS_PROPERTY = {"folder": "CrossPropertyTL", "sets": {}}
