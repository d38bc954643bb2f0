import pytest

from repartee_eval.verdict_files import VerdictFileError, read_labels, read_verdicts

HEADER = "item,model_a,model_b,verdict"


@pytest.fixture
def file(tmp_path):
    def write(content, name="v.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_reads_what_spreadsheets_write(file):
    text = (
        "\ufeffItem , model_a,model_b,VERDICT,first,len_a,comment\r\n\r\n"
        '1,x,"y, the 2nd",B,a,12,"two\r\nlines"\r\n'
        ",,,,,,\r\n2,x,z,Tie,,,\r\n"
    )
    found = read_verdicts(file(text))
    assert [(one.item, one.model_b, one.verdict, one.first, one.len_a) for one in found.rows] == [
        ("1", "y, the 2nd", "b", "a", 12),
        ("2", "z", "tie", None, None),
    ]
    assert "ignored columns of v.csv: 'comment'" in found.notes
    assert any("no column" in note and "judge" in note for note in found.notes)


def test_the_header_may_be_separated_by_semicolons(file):
    assert read_verdicts(file("item;model_a;model_b;verdict\n1;x;y;a\n")).rows[0].verdict == "a"


def test_probabilities_alone_make_verdicts(file):
    found = read_verdicts(file("item,model_a,model_b,p_b\n1,x,y,0.7\n2,x,y,0.5\n3,x,y,0.2\n"))
    assert [one.verdict for one in found.rows] == ["b", "tie", "a"]
    assert found.probabilities_only
    both = read_verdicts(file("item,model_a,model_b,verdict,p_b\n1,x,y,a,0.7\n2,x,y,,0.7\n"))
    assert [one.verdict for one in both.rows] == ["a", "b"]
    assert not both.probabilities_only


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("item,model_a\n", "line 1: no column model_b"),
        ("", "line 1: no column item; the header has: nothing"),
        ("item,model_a,model_b\n", "no column verdict and no p_b"),
        (
            f"{HEADER}\n1,x,y,a\n2,x,y,left\n",
            "line 3: column verdict is 'left': write one of a, b, tie, failed",
        ),
        (f'{HEADER}\n1,x,"a\nb",a\n2,x,y,left\n', "line 4: column verdict"),
        (f"{HEADER}\n1,x,,a\n", "line 2: column model_b is empty"),
        (f"{HEADER}\n1,x,y,\n", "line 2: column verdict is empty and there is no p_b"),
        (f"{HEADER}\n1,x,y,a,5\n", "line 2 has 5 fields, the header 4"),
        (f"{HEADER},p_b\n1,x,y,a,nan\n", "column p_b is 'nan': write a number from 0 to 1"),
        (f"{HEADER},len_a\n1,x,y,a,-3\n", "column len_a is '-3': write a whole number"),
        (f"{HEADER},len_a\n1,x,y,a,inf\n", "column len_a is 'inf'"),
        (f"{HEADER},first\n1,x,y,a,1\n", "column first is '1': write a or b"),
        (f"{HEADER},verdict\n", "the column verdict is there twice"),
        (HEADER.encode() + b"\n1,x,\xff,a\n", "line 2: not UTF-8"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(file, content, message):
    with pytest.raises(VerdictFileError) as caught:
        read_verdicts(file(content))
    assert message in str(caught.value)
    assert "v.csv" in str(caught.value)


def test_reads_labels(file):
    (one,) = read_labels(file("item,annotator,label\n7,ann,TIE\n")).rows
    assert (one.item, one.criterion, one.annotator, one.label) == ("7", "", "ann", "tie")
    with pytest.raises(VerdictFileError, match="line 2: column label is 'flip': write a, b or tie"):
        read_labels(file("item,label\n7,flip\n"))
