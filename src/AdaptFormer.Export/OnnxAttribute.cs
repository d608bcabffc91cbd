using AdaptFormer.Files;

namespace AdaptFormer.Export;

/// <summary>A constant of a node: a whole number, a float, a text or a list of whole numbers.</summary>
internal sealed record OnnxAttribute
{
    private const int FloatType = 1, IntType = 2, StringType = 3, IntsType = 7;
    private readonly int _type;
    private readonly float _float;
    private readonly string _text = "";
    private readonly long[] _numbers = [];

    /// <summary>A whole number.</summary>
    public OnnxAttribute(string name, long value) => (Name, _type, _numbers) = (name, IntType, [value]);

    /// <summary>A float.</summary>
    public OnnxAttribute(string name, float value) => (Name, _type, _float) = (name, FloatType, value);

    /// <summary>A text.</summary>
    public OnnxAttribute(string name, string value) => (Name, _type, _text) = (name, StringType, value);

    /// <summary>A list of whole numbers.</summary>
    public OnnxAttribute(string name, params long[] values) => (Name, _type, _numbers) = (name, IntsType, values);

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Name and value as one text: equal for equal attributes.</summary>
    public string Key => $"{Name}={_type}:{_text}{BitConverter.SingleToInt32Bits(_float)}:{string.Join(',', _numbers)}";

    /// <summary>Writes it as an AttributeProto.</summary>
    public void Write(ProtobufWriter to)
    {
        to.Write(1, Name);
        if (_type == FloatType) to.Write(2, _float);
        if (_type == IntType) to.Write(3, _numbers[0]);
        if (_type == StringType) to.Write(4, _text);
        if (_type == IntsType)
        {
            foreach (long number in _numbers) to.Write(8, number);
        }

        to.Write(20, (long)_type);
    }
}
