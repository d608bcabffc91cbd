using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace AdaptFormer.Files;

/// <summary>
/// Runs one pickle on a machine that knows only data: literals, containers and the names of <see cref="PickleGlobals"/>. What it
/// allocates is bounded by the length of the pickle, and by the limits below for opcodes of a byte that build an object.
/// </summary>
internal ref struct PickleMachine
{
    private const int MaxObjects = 1_000_000;
    private const int MaxStack = 1_000_000;
    private const int MaxBigIntegerBytes = 64;
    private const int MaxTextBytes = 1 << 16;
    private const int HighestProtocol = 5;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _data;
    private readonly string _path;
    private readonly PickleBuilder _builder;
    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private int _at;
    private int _objects;

    private PickleMachine(ReadOnlySpan<byte> data, string path, PickleBuilder builder)
    {
        _data = data;
        _path = path;
        _builder = builder;
    }

    /// <summary>Runs the pickle at the start of <paramref name="data"/>.</summary>
    /// <param name="data">The pickle, and perhaps more after it.</param>
    /// <param name="path">The file, for messages.</param>
    /// <param name="builder">Makes storages and tensors, and keeps what the file's other parts need.</param>
    /// <param name="length">Bytes that the pickle takes.</param>
    /// <returns>The object that it describes.</returns>
    /// <exception cref="InvalidDataException">The pickle is damaged, or asks for anything but weights.</exception>
    public static object? Run(ReadOnlySpan<byte> data, string path, PickleBuilder builder, out int length)
    {
        PickleMachine machine = new(data, path, builder);
        while (!machine.Step())
        {
        }

        object? result = machine.Pop();
        if (machine._stack.Count != 0 || machine._marks.Count != 0) throw machine.Damaged("something is left over at its end");
        length = machine._at;
        return result;
    }

    /// <summary>Executes one opcode; true after STOP.</summary>
    private bool Step()
    {
        byte code = U8();
        switch ((char)code)
        {
            case '.': return true;
            case '\x80':
                if (U8() > HighestProtocol) throw Damaged("its protocol is newer than this program knows");
                break;
            case '\x95': _ = Take(8); break;                                            // FRAME: a hint about reading ahead
            case '(':
                if (_marks.Count >= MaxStack) throw Damaged("it nests too deeply");
                _marks.Add(_stack.Count);
                break;
            case 'N': Push(null); break;
            case '\x88': Push(true); break;
            case '\x89': Push(false); break;
            case 'K': Push((long)U8()); break;
            case 'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
            case 'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
            case '\x8a': PushInteger(U8()); break;
            case '\x8b': PushInteger(Length(Take(4))); break;
            case 'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;
            case 'X': PushText(Length(Take(4))); break;
            case '\x8c': PushText(U8()); break;
            case '\x8d': PushText(Length(Take(8))); break;
            case 'U': PushLatin1(U8()); break;                                          // Python 2 texts: one byte a letter
            case 'T': PushLatin1(Length(Take(4))); break;
            case 'C': Push(Take(U8()).ToArray()); break;
            case 'B': Push(Take(Length(Take(4))).ToArray()); break;
            case '\x8e': Push(Take(Length(Take(8))).ToArray()); break;
            case ')': Push(Array.Empty<object?>()); break;
            case '\x85': PushTuple(1); break;
            case '\x86': PushTuple(2); break;
            case '\x87': PushTuple(3); break;
            case 't': PushTuple(_stack.Count - PopMark()); break;
            case ']' or '\x8f': Push(new PickleList()); break;
            case 'a': AddToList(_stack.Count - 1); break;
            case 'e' or '\x90': AddToList(PopMark()); break;
            case '}': Push(new PickleDict()); break;
            case 's': AddToDict(_stack.Count - 2); break;
            case 'u': AddToDict(PopMark()); break;
            case 'c': Push(Global(Line(), Line())); break;
            case '\x93':
                string name = PopText(), module = PopText();
                Push(Global(module, name));
                break;
            case 'q': _memo[U8()] = Peek(); break;
            case 'r': _memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Peek(); break;
            case '\x94': _memo[(uint)_memo.Count] = Peek(); break;
            case 'h': PushMemo(U8()); break;
            case 'j': PushMemo(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))); break;
            case 'Q': Push(_builder.Storage(Pop())); break;
            case 'R' or '\x81':
                object? arguments = Pop(), function = Pop();
                Push(_builder.Call(function, arguments));
                break;
            case 'b':
                object? state = Pop();
                _builder.SetState(Peek(), state);
                break;
            default:
                throw Damaged($"its opcode 0x{code:x2} is not one that weights need");
        }

        return false;
    }

    private void Push(object? value)
    {
        if (_stack.Count >= MaxStack || ++_objects > MaxObjects) throw Damaged("it builds more objects than any set of weights has");
        _stack.Add(value);
    }

    private void PushMemo(uint index)
    {
        if (!_memo.TryGetValue(index, out object? value)) throw Damaged($"it refers to object {index}, which it has not built");
        if (_stack.Count >= MaxStack) throw Damaged("it nests too deeply");
        _stack.Add(value);
    }

    private void PushInteger(int bytes)
    {
        if (bytes > MaxBigIntegerBytes) throw Damaged($"it holds a number of {bytes} bytes");
        BigInteger value = new(Take(bytes));
        if (bytes <= sizeof(long)) Push((long)value);
        else Push(value);
    }

    private void PushText(int bytes)
    {
        try
        {
            Push(StrictUtf8.GetString(Take(bytes)));
        }
        catch (DecoderFallbackException)
        {
            throw Damaged("a text is not valid UTF-8");
        }
    }

    /// <summary>A Python 2 text: letters if short, else data, which are not made twice as long by making them text.</summary>
    private void PushLatin1(int bytes)
    {
        if (bytes <= MaxTextBytes) Push(Encoding.Latin1.GetString(Take(bytes)));
        else Push(Take(bytes).ToArray());
    }

    private void PushTuple(int count)
    {
        int start = _stack.Count - count;
        if (start < Floor) throw Underflow();
        object?[] items = [.. _stack[start..]];
        _stack.RemoveRange(start, count);
        Push(items);
    }

    /// <summary>Appends everything on the stack from <paramref name="start"/> to the list below it.</summary>
    private readonly void AddToList(int start)
    {
        if (start < Floor + 1 || _stack[start - 1] is not PickleList list) throw Damaged("it appends to something that is not a list");
        for (int i = start; i < _stack.Count; i++) list.Items.Add(_stack[i]);
        _stack.RemoveRange(start, _stack.Count - start);
    }

    /// <summary>Puts the pairs on the stack from <paramref name="start"/> into the dictionary below them.</summary>
    private readonly void AddToDict(int start)
    {
        if (start < Floor + 1 || _stack[start - 1] is not PickleDict { IsObject: false } dict || (_stack.Count - start) % 2 != 0)
            throw Damaged("it sets items of something that is not a dictionary");
        for (int i = start; i < _stack.Count; i += 2) PickleBuilder.SetItem(dict, _stack[i], _stack[i + 1]);
        _stack.RemoveRange(start, _stack.Count - start);
    }

    /// <summary>Opcodes may not take what lies below the last mark.</summary>
    private readonly int Floor => _marks.Count == 0 ? 0 : _marks[^1];

    private readonly int PopMark()
    {
        if (_marks.Count == 0) throw Underflow();
        int mark = _marks[^1];
        _marks.RemoveAt(_marks.Count - 1);
        return mark;
    }

    private readonly object? Peek() => _stack.Count > Floor ? _stack[^1] : throw Underflow();

    private readonly object? Pop()
    {
        object? top = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return top;
    }

    private readonly string PopText() => Pop() as string ?? throw Damaged("a name is not a text");

    private readonly PickleGlobal Global(string module, string name) =>
        _builder.Find(module, name) ?? throw BadFile.Error(_path,
            $"the checkpoint asks for the Python object '{BadFile.Shorten($"{module}.{name}")}', which weights do not need; nothing was "
            + "executed. "
            + "If you trust its origin, load it in Python and save only the tensors, as safetensors or with "
            + "torch.save(model.state_dict(), ...)");

    private string Line()
    {
        int length = _data[_at..].IndexOf((byte)'\n');
        if (length < 0) throw Damaged("it is cut short");
        string line = Encoding.Latin1.GetString(Take(length));
        _at++;
        return line;
    }

    private byte U8() => Take(1)[0];

    /// <summary>A stated length, which cannot exceed what is left.</summary>
    private readonly int Length(ReadOnlySpan<byte> little)
    {
        ulong length = little.Length == 8
            ? BinaryPrimitives.ReadUInt64LittleEndian(little) : BinaryPrimitives.ReadUInt32LittleEndian(little);
        return length <= (ulong)(_data.Length - _at) ? (int)length : throw Damaged("it is cut short");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _data.Length - _at) throw Damaged("it is cut short");
        ReadOnlySpan<byte> taken = _data.Slice(_at, count);
        _at += count;
        return taken;
    }

    private readonly InvalidDataException Underflow() => Damaged("it takes more from its stack than it put there");

    private readonly InvalidDataException Damaged(string problem) =>
        BadFile.Error(_path, $"the pickle is damaged or hostile at byte {_at}: {problem}");
}
