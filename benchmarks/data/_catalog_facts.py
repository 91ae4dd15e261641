"""What is known about the public tables: property, unit, database, DOI, licence, and traps.

Read by ``catalog.py``. Units: of JARVIS, as Gupta et al. (doi:10.1038/s41467-021-26921-5 and
doi:10.1038/s41524-023-01185-3) print them; of AFLOW, as its own keyword list gives them. A note
tells what a user would otherwise find out late; it was measured on the files themselves.
"""

REPAIRS = {"3-Feb": "FeB3", "2-Feb": "FeB2"}

_OQMD = {
    "database": "OQMD",
    "doi": ["10.1007/s11837-013-0755-4", "10.1038/npjcompumats.2015.10"],
    "licence": "CC-BY-4.0",
}
_OQMD_PART = _OQMD | {
    "note": "The publisher's val.csv and test.csv; its train.csv, of the other compositions, is "
    "not used."
}
_MP = {"database": "Materials Project", "doi": ["10.1063/1.4812323"], "licence": "CC-BY-4.0"}
_CRITEXAM = _MP | {"doi": ["10.1063/1.4812323", "10.1038/s41524-020-00362-y"]}
_MATBENCH = _MP | {
    "doi": ["10.1063/1.4812323", "10.1038/s41524-020-00406-3"],
    "note": "Polymorphs are rows of their own: one formula, several values.",
}
_AFLOW = {
    "database": "AFLOW",
    "doi": ["10.1016/j.commatsci.2012.02.005"],
    "licence": "not stated with these files; see the database's own terms",
}


def _table(where, facts, quantity, unit, note=""):
    notes = [text for text in (facts.get("note", ""), note) if text]
    return where, {"property": quantity, "unit": unit} | facts | {"note": " ".join(notes)}


def _set(quantity, unit, note="", **facts):
    return {"property": quantity, "unit": unit} | _JARVIS | facts | {"note": note}


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
            f"{_FOLDER}/OQMD_Formation_Enthalpy",
            _OQMD_PART,
            "formation_enthalpy_per_atom",
            "eV/atom",
            "Values run to +43 eV/atom: unphysical entries.",
        ),
        "oqmd_energy_per_atom": _table(
            f"{_FOLDER}/OQMD_Energy_per_atom", _OQMD_PART, "energy_per_atom", "eV/atom"
        ),
        "oqmd_volume_per_atom": _table(
            f"{_FOLDER}/OQMD_Volume_per_atom", _OQMD_PART, "volume_per_atom", "A^3/atom"
        ),
        "mp_formation_energy": _table(
            "data/matbench/mp_e_form.csv", _MATBENCH, "formation_energy_per_atom", "eV/atom"
        ),
        "mp_band_gap": _table("data/matbench/mp_gap.csv", _MATBENCH, "band_gap", "eV"),
        "mp_e_hull": _table(f"{_FOLDER}/mp_e_hull", _MP, "energy_above_hull", "eV/atom"),
        "mp_mu_b": _table(
            f"{_FOLDER}/mp_mu_b",
            _MP,
            "magnetic_moment",
            "mu_B",
            "From -84 to +280; the files do not say of which number of formula units.",
        ),
        "mp_bulk_modulus": _table(f"{_FOLDER}/mp_bulk_modulus", _MP, "bulk_modulus", "GPa"),
        "mp_shear_modulus": _table(f"{_FOLDER}/mp_shear_modulus", _MP, "shear_modulus", "GPa"),
        "mp_elastic_anisotropy": _table(
            f"{_FOLDER}/mp_elastic_anisotropy",
            _MP,
            "elastic_anisotropy",
            "dimensionless",
            "From -1786 to +893, though a universal anisotropy index is never negative.",
        ),
        "mp_critexam_ed": _table(
            f"{_FOLDER}/CritExam__Ed", _CRITEXAM, "decomposition_energy_per_atom", "eV/atom"
        ),
        "mp_critexam_ef": _table(
            f"{_FOLDER}/CritExam__Ef", _CRITEXAM, "formation_energy_per_atom", "eV/atom"
        ),
        "aflow_band_gap": _table(f"{_FOLDER}/aflow__Egap", _AFLOW, "band_gap", "eV"),
        "aflow_energy_per_atom": _table(
            f"{_FOLDER}/aflow__energy_atom",
            _AFLOW,
            "energy_per_atom",
            "eV/atom",
            "Values run to +78 eV/atom: unphysical entries.",
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

_GUPTA = "10.1038/s41467-021-26921-5"
_JARVIS = {"database": "JARVIS-DFT", "doi": [_GUPTA, "10.1038/s41524-020-00440-1"]}
_SWAPPED = (
    "The publisher's electronic and ionic parts look exchanged: 108 of the 2,126 values called "
    "electronic are below 1, which no electronic dielectric constant is, and none of those called "
    "ionic; MgO has 7.1 electronic and 3.1 ionic here. Values and names are kept as published."
)
_SAME_MASSES = (
    "pem300k and nem300k are one and the same table, row by row: the publisher gives the mass of "
    "one kind of carrier twice, and does not say of which."
)

CROSS_PROPERTY = {
    "folder": "CrossPropertyTL",
    "url": "https://raw.githubusercontent.com/NU-CUCIS/CrossPropertyTL/"
    "7258427fb5fe3cd8d34ece0fdfbd33f690d494a6",
    "licence": "Northwestern University: free to use, copy, modify and distribute, provided that "
    "its notice (COPYRIGHT, beside the data) is kept and the university is credited",
    "sets": {
        "klu": _set("k-point length parameter", "A"),
        "kaa": _set("number of k-points, mean of the three axes", "dimensionless"),
        "optb88vdw_bandgap": _set("band gap, OptB88vdW", "eV"),
        "deltae": _set("formation energy per atom", "eV/atom"),
        "encut": _set("plane-wave energy cutoff", "eV"),
        "ehull": _set("energy above the convex hull", "eV/atom"),
        "magmom_oszicar": _set("magnetic moment, from OSZICAR", "mu_B"),
        "magmom_outcar": _set("magnetic moment, from OUTCAR", "mu_B"),
        "eps": _set("dielectric constant, OptB88vdW, average of the axes", "dimensionless"),
        "ppowerfact": _set("thermoelectric power factor, p-type", "uW/(m K^2)"),
        "npowerfact": _set("thermoelectric power factor, n-type", "uW/(m K^2)"),
        "pem300k": _set("effective mass at 300 K, p-type", "electron mass", _SAME_MASSES),
        "nem300k": _set("effective mass at 300 K, n-type", "electron mass", _SAME_MASSES),
        "pseebeck": _set("Seebeck coefficient, p-type", "uV/K"),
        "nseebeck": _set("Seebeck coefficient, n-type", "uV/K"),
        "meps": _set("dielectric constant, TBmBJ, average of the axes", "dimensionless"),
        "max_mode": _set("highest vibrational mode", "cm^-1"),
        "min_mode": _set("lowest vibrational mode", "cm^-1"),
        "etc11": _set("elastic constant C11", "GPa"),
        "etc12": _set("elastic constant C12", "GPa"),
        "etc13": _set("elastic constant C13", "GPa"),
        "etc22": _set("elastic constant C22", "GPa"),
        "etc33": _set("elastic constant C33", "GPa"),
        "etc44": _set("elastic constant C44", "GPa"),
        "etc55": _set("elastic constant C55", "GPa"),
        "etc66": _set("elastic constant C66", "GPa"),
        "bulkmoduluskv": _set("bulk modulus, Voigt average", "GPa"),
        "shearmodulusgv": _set("shear modulus, Voigt average", "GPa"),
        "mbj_bandgap": _set("band gap, TBmBJ", "eV"),
        "spillage": _set("spin-orbit spillage", "dimensionless"),
        "slme": _set("spectroscopic limited maximum efficiency", "%"),
        "max_ir_mode": _set("highest infrared-active mode", "cm^-1"),
        "min_ir_mode": _set("lowest infrared-active mode", "cm^-1"),
        "piezo_max_diel": _set("dielectric constant, electronic part", "dimensionless", _SWAPPED),
        "piezo_max_di": _set("dielectric constant, electronic and ionic", "dimensionless"),
        "piezo_max_diio": _set("dielectric constant, ionic part", "dimensionless", _SWAPPED),
        "piezo_max_eij": _set("largest piezoelectric stress coefficient", "C/m^2"),
        "piezo_max_dij": _set("largest piezoelectric strain coefficient", "pC/N"),
        "exfoliation_energy": _set("exfoliation energy", "meV/atom"),
        "expt_deltae": _set(
            "formation energy per atom, measured", "eV/atom", database="experiment", doi=[_GUPTA]
        ),
        "expt_bandgap": _set(
            "band gap, measured",
            "eV",
            "4,893 of the 4,920 rows hold a composition of load_expt_gap: never test on one after "
            "training on the other.",
            database="experiment",
            doi=[_GUPTA, "10.1021/acs.jpclett.8b00124"],
        ),
    },
}
